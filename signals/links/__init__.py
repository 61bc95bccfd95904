"""How an approved plan reaches a controller: one kind of controller per file."""
