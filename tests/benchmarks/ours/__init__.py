"""The same work by Temper, through the functions that its flows call."""

from tasks.machinery.servers.environment import prepare_environment

prepare_environment(with_servers=False)  # before torch is imported, as every command does
