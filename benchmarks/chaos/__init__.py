"""A street and a service as processes of their own, all that may befall them, and somebody outside who judges what the lights did."""
