"""The Dockerfile without a container engine: what each stage says is done in a clean Debian, and the result is run."""
