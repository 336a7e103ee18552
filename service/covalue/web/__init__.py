"""The HTTP service: requests become calls to a store, answers become responses. Only this package knows Flask."""

from covalue.web.app import create_app

__all__ = ["create_app"]
