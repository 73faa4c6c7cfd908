"""The rehearsal: platforms of pretence that speak the real wire protocols on loopback, and
customers who write there. A product feature (``shenava run --rehearsal``), and the platforms
of the tests. Imports the common ground only; knows of no database of ours and no service.
"""
