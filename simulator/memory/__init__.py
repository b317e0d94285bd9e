"""Behaving twins of the ports to AWS: they keep AWS's conditions, orders and limits, and refuse what AWS refuses."""
