"""The rules of a workflow's life. Pure: nothing here waits, stores or sends."""
