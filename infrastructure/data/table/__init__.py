"""Tables of numbers: columns, faults, order, and what is kept of them."""
