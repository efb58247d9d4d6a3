"""What the gateway decides by itself: credentials, plans, what a call asks for, what an answer may carry."""
