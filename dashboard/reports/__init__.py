"""The weekly report as people read it: page, lists, PDF, mail, tables for programs."""
