"""The Dockerfile without a container engine: its stages run in a clean Debian, and tests run the result."""
