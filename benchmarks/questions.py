"""Short questions to a bank, of 72 intents: what they are about and what is wanted of it, as people put them.

    python benchmarks/questions.py --output questions.jsonl [--rows 130] [--seed 0]

An intent is a thing and a wish, each named in many ways; other things are spoken of in passing, letters are mistyped,
and a few rows have another label than they should. Words alone therefore do not settle all of them.
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

THINGS = {
    "card": "my card|the card|the new card|my debit card|the plastic|my visa|the bank card|a replacement card",
    "transfer": "a transfer|my transfer|the money I sent|a payment to a friend|the wire|sending money",
    "top_up": "a top-up|my top up|adding money|loading my balance|the money I put in|a deposit from my other bank",
    "direct_debit": "a direct debit|my rent order|the standing order|the monthly payment|a subscription",
    "account": "my account|the account|an account|a savings account|the joint account|my profile|the second account",
    "cash": "cash|cash from the machine|a withdrawal|the ATM|money from a cash point|notes|taking money out",
    "loan": "a loan|my loan|the credit|an overdraft|the instalments|borrowing|my car finance|the mortgage",
    "exchange": "foreign currency|an exchange|euros|changing dollars|the exchange rate|another currency|paying abroad",
    "statement": "my statement|a receipt|the transaction list|a proof of payment|the yearly report|my records|the PDF",
}
WISHES = {
    "late": "{} still has not come|how long does {} take|{} is nowhere to be seen|when can I expect {}|waiting for {}"
    "|why is {} so slow|{} was due days ago|any idea when {} gets here|{} is pending forever|is {} on its way",
    "fee": "what does {} cost|I was charged for {}|is {} free|why a fee on {}|extra cost with {}|there is a charge"
    " beside {}|do you take anything for {}|how much is {}|the price of {} please|was {} ever without charge",
    "cancel": "how do I cancel {}|I do not want {} any more|please stop {}|undo {}|get rid of {}|can {} be called off"
    "|I want to end {}|take back {}|is it too late to stop {}|close {} for me",
    "limit": "is there a limit on {}|how much is allowed with {}|can I raise the maximum for {}|{} and the daily cap"
    "|how often may I use {}|the most that {} permits|too much for {} in one day|may I have more of {}",
    "refused": "{} was declined|{} does not work|why was {} rejected|{} failed twice|I cannot get {} through|{} is"
    " blocked|an error with {}|they would not accept {}|{} bounced|no luck with {}",
    "how": "how do I get {}|where can I find {}|I would like {}|can you set up {}|what do I need for {}|how {} works"
    "|first time with {}, what now|explain {}|am I able to order {}|steps for {}",
    "wrong": "{} shows the wrong amount|I do not recognise {}|{} appears twice|{} is not what I asked for|what is this"
    " with {}|{} has an error in the name|less than it should be with {}|who did {}, not me|{} does not add up",
    "lost": "I lost {}|{} was stolen|somebody else has {}|I can no longer see {}|{} has gone missing|{} is lost"
    "|where did {} go|I think someone got hold of {}|cannot remember where I put {}|{} disappeared",
}
OPENINGS = (
    "||||hi, |hello there, |sorry but |please help, |quick question: |so |ok, |hey |good morning, |I need to know: "
)
ENDINGS = "||||?|?|?|, thanks| please|, can you check| asap|??|, what should I do| and I am abroad|, it is urgent"
ASIDES = (
    ", I already looked at {}| after {} was fine| though {} is all right|, unlike {}| while {} works| and no, it is not"
    " about {}|, same day as {}| when I opened {}"
)
ASIDE_SHARE, TYPO_SHARE, MISLABELLED = 0.35, 0.25, 0.03


def questions(rows_per_intent: int, seed: int) -> Iterator[dict[str, str]]:
    """Give rows of every intent, mixed, no text twice."""
    random_ = random.Random(seed)
    intents = [(thing, wish) for thing in THINGS for wish in WISHES]
    seen: set[str] = set()
    rows = []
    for thing, wish in intents:
        num_rows = 0
        while num_rows < rows_per_intent:
            text = _question(thing, wish, random_)
            if text in seen:
                continue
            seen.add(text)
            named = random_.choice(intents) if random_.random() < MISLABELLED else (thing, wish)
            rows.append({"text": text, "label": "_".join(named)})
            num_rows += 1
    random_.shuffle(rows)
    yield from rows


def _question(thing: str, wish: str, random_: random.Random) -> str:
    core = _one(WISHES[wish], random_).format(_one(THINGS[thing], random_))
    if random_.random() < ASIDE_SHARE:
        other = random_.choice([name for name in THINGS if name != thing])
        aside = _one(ASIDES, random_).format(_one(THINGS[other], random_))
        core = core + aside if random_.random() < 0.6 else f"{aside.strip(' ,')}: {core}"
    text = _one(OPENINGS, random_) + core + _one(ENDINGS, random_)
    return _mistyped(text, random_) if random_.random() < TYPO_SHARE else text


def _mistyped(text: str, random_: random.Random) -> str:
    """Swap two neighbours, drop a letter or double one."""
    place = random_.randrange(len(text) - 1)
    left, first, second, right = text[:place], text[place], text[place + 1], text[place + 2 :]
    return left + random_.choice([second + first, first, first + first + second]) + right


def _one(choices: str, random_: random.Random) -> str:
    return random_.choice(choices.split("|"))


def main() -> None:
    """Write the rows as JSON Lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True)
    parser.add_argument("--rows", type=int, default=130)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    lines = (json.dumps(row, ensure_ascii=False) for row in questions(options.rows, options.seed))
    Path(options.output).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
