"""Networks written in Python: decorators that mark classes, and the recipe that the marks make.

A decorator changes nothing about what it decorates: a processor stays a plain class that can be
made and called in a test. `recipe_of` reads the marks and gives the same plain values that the text
of a recipe holds, so both are checked by the same rules and complained about with the same paths.
The room needs the standard library only: code that is marked up so runs where flowctl is not.

    >>> from flowctl.authoring import network, plug, processor, recipe_of, socket
    >>> @processor(track="errors")
    ... class Store:
    ...     @socket
    ...     def save(self, price): ...
    >>> @processor(cpus=2, retry=3, source={"code": "..."})
    ... class Price:
    ...     @plug(Store.save)
    ...     @socket(every="5s", payload=[1, 2])
    ...     def total(self, prices):
    ...         return sum(prices)
    >>> @network
    ... class Shop:
    ...     price = Price
    ...     store = Store
    >>> recipe = recipe_of(Shop)
    >>> recipe["network"], sorted(recipe["processors"]), recipe["plugs"]
    ('shop', ['price', 'store'], [{'from': 'price.total', 'to': 'store.save'}])
    >>> Price().total([1, 2])
    3
"""

from flowctl.authoring.marks import network, plug, processor, socket
from flowctl.authoring.route import Route
from flowctl.authoring.values import recipe_of

__all__ = ["Route", "network", "plug", "processor", "recipe_of", "socket"]
