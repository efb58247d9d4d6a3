"""A door for OpenAI's clients: the model is a workflow, the answer is the text of its run."""
