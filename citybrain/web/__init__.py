"""The web layer: routes over the service, who may use them, what is sent live, and the page."""
