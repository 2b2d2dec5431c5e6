"""Chat rooms in other frameworks, each as its own tutorial teaches it, which our server is measured beside."""
