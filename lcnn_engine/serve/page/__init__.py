"""The page at ``/``: what a person looks at the models of a server with.

A folder of HTML, CSS, JavaScript modules and an icon, without a framework and without anything from another place.
``serving`` hands them out; what they ask for comes from the server's own endpoints.
"""

from .serving import routes

__all__ = ["routes"]
