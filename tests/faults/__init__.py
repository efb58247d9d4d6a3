"""Fault injection and recovery: one stack, which all of these tests share."""
