"""Running nodes: columnar and pure. Time is an argument, nothing here reads a clock, logs or does I/O."""
