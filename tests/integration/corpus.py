"""A small collection of texts about four things, made from a topic model."""

import numpy as np

WORDS = {
    "astronomy": "star galaxy telescope orbit planet comet light nebula moon sky dust lens",
    "biology": "cell gene protein tissue membrane enzyme virus plant genome root leaf light",
    "computing": "code compiler memory kernel thread cache loop array root pointer byte stack",
    "money": "bank coin market price loan bond share stock trade tax fund interest",
}
TOPICS = {name: words.split() for name, words in WORDS.items()}


def texts(n=120, length=60, seed=0):
    """Texts and, for each, the index of the topic that most of it is about."""
    rng = np.random.default_rng(seed)
    words = list(TOPICS.values())
    main = np.arange(n) % len(words)
    made = []
    for topic in main:
        shares = np.full(len(words), 0.1) + 0.6 * (np.arange(len(words)) == topic)
        topics = rng.choice(len(words), length, p=shares / shares.sum())
        made.append(" ".join(str(rng.choice(words[t])) for t in topics))
    return made, main
