"""Language models that authors can choose."""
