"""The data path: tasks, the exchange, epochs, journal, snapshots, and the one loop that runs them."""
