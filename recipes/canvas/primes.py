"""Prime numbers up to a limit, looked at in blocks: each function does one step and knows no other."""

LIMIT = 300_000
BLOCK = 10_000


def blocks(limit):
    """Return the bounds of all blocks below a limit."""
    limit = LIMIT if limit is None else limit
    return [[start, min(start + BLOCK, limit)] for start in range(0, limit, BLOCK)]


def is_prime(number):
    """Tell whether a number is prime, by trying what could divide it."""
    if number < 4 or number % 2 == 0:
        return number in (2, 3)
    return all(number % odd for odd in range(3, int(number**0.5) + 1, 2))


def primes(some):
    """Count the primes of some blocks."""
    return sum(is_prime(number) for start, end in some for number in range(start, end))


def twins(some):
    """Count the primes of some blocks that have another two above them."""
    return sum(
        is_prime(number) and is_prime(number + 2)
        for start, end in some
        for number in range(start, end)
    )


def gap(some):
    """Return the widest gap after a prime of some blocks, and that prime."""
    return max(
        (_gap(number) for start, end in some for number in range(start, end)), default=[0, 0]
    )


def _gap(number):
    if not is_prime(number):
        return [0, 0]
    above = number + 1
    while not is_prime(above):
        above += 1
    return [above - number, -number]


def add(rows):
    """Add up columns."""
    return [sum(column) for column in zip(*rows, strict=True)] or [0, 0]


def widest(gaps):
    """Return the widest of many gaps; of equals the first."""
    return max(gaps, default=[0, 0])


def report(found):
    """Put together what came out of both branches."""
    (prime_numbers, twin_pairs), (width, after) = found
    return {"primes": prime_numbers, "twins": twin_pairs, "widest gap": width, "after": -after}
