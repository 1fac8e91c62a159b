"""Command lines in a simple form, in which every option is a word of its own."""


def normalise(argv):
    """`--name=value` and groups of flags taken apart."""
    words = []
    for word in argv:
        if word.startswith("--") and "=" in word:
            words.extend(part for part in word.split("=") if part)
        elif word.startswith("-") and not word.startswith("--") and len(word) > 2:
            words.extend(f"-{letter}" for letter in word[1:])
        else:
            words.append(word)
    return words
