"""The inbox: queues of cases, the case with its conversation, and what a person does to both."""
