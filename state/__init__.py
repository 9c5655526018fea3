"""What survives a crash: positions, places, checkpoints, and the protocol of a task, without a broker or a clock."""
