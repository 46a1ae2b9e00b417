"""Word counts in three steps: map (a file at a time), shuffle (words into buckets), reduce."""

import re
import zlib
from collections import Counter
from pathlib import Path

FOLDER = "/usr/share/common-licenses"
WORD = re.compile(r"[a-z']+")
CHUNK = 4
"""Files that one call reads."""
BUCKETS = 8
TOP = 20


def find(folder):
    """Yield the texts of a folder, some files at a time; links to others are left out."""
    files = [f for f in sorted(Path(folder or FOLDER).rglob("*")) if f.is_file()]
    files = [str(file) for file in files if not file.is_symlink()]
    for start in range(0, len(files), CHUNK):
        yield files[start : start + CHUNK]


def count(files):
    """Count the words of some files."""
    counts = Counter()
    for file in files:
        counts.update(WORD.findall(Path(file).read_text(errors="replace").lower()))
    return {"files": len(files), "words": counts}


def buckets(parts):
    """Yield the counts of all files in buckets: what is counted of a word meets in one of them."""
    files = sum(part["files"] for part in parts)
    for number in range(BUCKETS):
        mine = [
            {
                word: n
                for word, n in part["words"].items()
                if zlib.crc32(word.encode()) % BUCKETS == number
            }
            for part in parts
        ]
        yield {"files": files, "parts": mine}


def add(bucket):
    """Add up the counts of one bucket."""
    total = Counter()
    for part in bucket["parts"]:
        total.update(part)
    return {"files": bucket["files"], "words": total}


def top(totals, n=TOP):
    """Return the most frequent words of all buckets, and after them the sums."""
    words = Counter()
    for total in totals:
        words.update(total["words"])
    ranked = sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [{"word": word, "count": count} for word, count in ranked[:n]]
    files = totals[0]["files"] if totals else 0
    return [*rows, {"word": f"({len(words)} words in {files} files)", "count": sum(words.values())}]
