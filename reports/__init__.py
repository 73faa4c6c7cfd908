"""From facts to the numbers of the weekly report, and from a number to the list it counts."""
