"""Shared bodies, presenters and helpers of API generations."""
