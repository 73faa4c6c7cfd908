"""What tests of several rooms share: makers of messages, a judge, a view of all content."""
