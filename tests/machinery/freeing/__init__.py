"""Tests of `tasks/machinery/freeing`."""
