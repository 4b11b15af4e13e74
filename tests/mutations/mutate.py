"""Random damage to text and to files: 1,370 cases with `make test FULL=1`, fifty without."""

import os
import pathlib
import random
import re
import shutil

FULL = bool(os.environ.get("RECOVER_ALL_CONTRACTS"))

# What may stand where a configuration has a value.
_VALUES = (
    *("0", "-1", "1e400", "nan", "-inf", "10000000000000000000000", "1.5", "true", "0x10", "2026-01-01"),
    *('""', '"many"', "'''x'''", "[]", "[1, 2, 3]", "[[1], [2]]", "[nan]", "{}", "{ a = 1 }", '{ a = "b" }'),
)


def count(usual: int, full: int) -> range:
    """The numbers of the cases of a kind."""
    return range(full if FULL else usual)


def mutated_text(text: str, dice: random.Random) -> bytes:
    """A configuration after one to three mishaps."""
    lines = text.splitlines()
    for _ in range(dice.randint(1, 3)):
        place = dice.randrange(len(lines))
        match dice.randrange(8):
            case 0:
                del lines[place]
            case 1:
                lines.insert(place, lines[dice.randrange(len(lines))])
            case 2 | 3 | 4:
                key = re.match(r"\s*([\w.]+)\s*=", lines[place])
                lines[place] = f"{key[1] if key else 'key'} = {dice.choice(_VALUES)}"
            case 5:
                lines[place] = re.sub(
                    r"\d+", lambda found: str(dice.choice([0, 1, int(found[0]) + 1, -3])), lines[place]
                )
            case 6:
                lines[place] = lines[place].replace(dice.choice("abcde=[]{}\"'"), dice.choice("xyz=[]{}\"' "), 1)
            case 7:
                lines.insert(place, f"[{dice.choice(['paper', 'figures', 'figures.x', 'a.b', 'figures.x.quick'])}]")
    content = "\n".join(lines).encode()
    return mutated_bytes(content, dice) if dice.random() < 0.1 else content


def mutated_bytes(content: bytes, dice: random.Random) -> bytes:
    """A file that was cut short, overwritten, or in which bits have flipped."""
    place = dice.randrange(max(len(content), 1))
    match dice.randrange(5):
        case 0:
            return content[:place]
        case 1:
            return content[:place] + bytes(dice.randrange(256) for _ in range(dice.randint(1, 40))) + content[place:]
        case 2:
            return bytes(dice.randrange(256) for _ in range(len(content)))
        case 3:
            return content[:place] + bytes(len(content) - place)
        case _:
            flipped = bytearray(content)
            for _ in range(dice.randint(1, 4)):
                if flipped:
                    flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
            return bytes(flipped)


def mutate_folder(folder: pathlib.Path, dice: random.Random) -> list[pathlib.Path]:
    """Damages one to three files of a folder; returns which ones."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    harmed = dice.sample(files, min(dice.randint(1, 3), len(files)))
    for path in harmed:
        match dice.randrange(8):
            case 0:
                path.unlink()
            case 1:
                path.unlink()
                path.mkdir()
            case 2:
                other = dice.choice(files)
                if other.is_file() and path.is_file():
                    shutil.copyfile(other, path) if other != path else path.write_bytes(b"")
            case _:
                path.write_bytes(mutated_bytes(path.read_bytes(), dice))
    return harmed
