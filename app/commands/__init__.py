"""The commands, one file each, loaded when asked for."""
