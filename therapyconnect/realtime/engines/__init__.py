"""What carries the hub's notes between processes; `config.wiring` chooses one."""
