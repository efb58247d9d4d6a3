"""What runs inside the jail. It imports nothing but the standard library and itself, so that a forked
child starts small and holds nothing worth stealing."""
