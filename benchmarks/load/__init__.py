"""Load that misbehaves: floods of keys, poison, input that outpaces the machine."""
