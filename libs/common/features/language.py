"""The language of a text, told by its commonest words; ``unknown`` where they don't tell."""

import re
from collections import Counter
from functools import cache

UNKNOWN = "unknown"

# ISO 639-1 → the words that are commonest in letters; a word that several languages share counts a part for each.
_COMMON: dict[str, str] = {
    "en": "the of and to in is that for it you was with on are be this have from or "
    "not your we will can if my me an by at as but please",
    "de": "der die das und ist nicht ich sie wir mit für auf ein eine einen den dem von zu "
    "im des auch es an werden haben bitte wie bei oder uns ihre",
    "fr": "le la les des et est une un vous nous pour dans que qui pas sur au avec ce "
    "cette je votre en du il sont ne plus merci être mais aux",
    "es": "el la los las de que en un una es por con para no se su del al lo como "
    "más pero le ha me está usted gracias muy si este esta",
    "it": "il la che di un una per non sono con del della è si lo le gli ma come "
    "anche ho al nel questo questa alla mi ci grazie più dei",
    "pt": "os as de que em um uma para com não é por mais se do da no na dos como "
    "mas você ao foi muito está obrigado também seu sua",
    "nl": "de het een en van is dat niet op te zijn met voor ik je wij we aan er maar "
    "om ook als bij uit naar heeft hebben wordt graag deze",
    "sv": "och att det som en är av för på med den till inte jag har du vi om "
    "ett men från kan var så hej eller när ska också mig",
    "da": "og at det som en er af for på med den til ikke jeg har du vi om et men fra "
    "kan var så hej eller når skal også mig efter meget hvad",
    "no": "og at det som en er av for på med den til ikke jeg har du vi om et men fra "
    "kan var så hei eller når skal også meg etter veldig hva",
    "fi": "ja on ei se että oli hän mutta kun niin kuin ovat tai jos olen me te voi "
    "sitä tämä myös joka mitä minä sinä kiitos olla ole nyt sekä",
    "pl": "nie na się do to że jest jak za ale od po czy dla tego są przez co był proszę tak już jestem mnie przy oraz lub",
    "cs": "se na je že do to ve pro za by jsem ale jako co tak jak po jsou od při není bych nebo děkuji prosím",
    "hr": "je se na da za su od iz ne nije kao ali što šta ili će bi sam koji koja "
    "koje smo ste samo već još može hvala sve to po kod",
    "hu": "az és hogy nem is egy van ez azt de meg csak már mint vagy volt ha "
    "még el kell ki be lesz nagyon köszönöm ezt minden én",
    "ro": "și de în la cu nu un pe este care să din că mai pentru ce au sunt dar fi am se le prin mulțumesc după între fost",
    "tr": "ve bir bu için ile da de çok ne daha gibi olarak var kadar değil ama "
    "en olan mı mi ben sonra biz siz teşekkürler her şey",
    "ru": "и в не на я что с по это как но мы вы к у за из для от так же его бы то все был или пожалуйста спасибо если вас",
    "uk": "і в не на що я з до це як та ми ви за для від але його так є був або будь ласка дякую якщо вас також у про",
    "bg": "и на не да се за от в е са че с по това ще как но или като ви ни си ми до беше благодаря моля може които",
    "el": "και το να η της ο την για του με που τα είναι από δεν στο σε τη θα οι τον στην μας σας ένα ευχαριστώ αλλά αν μου",
}
# Single Latin letters are initials and list marks more often than words.
_WORD = re.compile(r"[^\W\d_]{2,}|[\u0370-\u052f]")
_MOST_CHARS = 3000
# Below this many words a text is a greeting or a list of names; real sentences are two fifths common words.
_FEWEST_WORDS = 4
_FEWEST_COMMON = 2
_LEAST_SHARE = 0.12
_LEAST_LEAD = 1.15


def language_of(text: str) -> str:
    """The ISO 639-1 code of the language of a text, or ``unknown``: too short, a mixture, or a language not known here."""
    words = Counter(_WORD.findall(_without_addresses(text[:_MOST_CHARS].lower())))
    scores: dict[str, float] = dict.fromkeys(_COMMON, 0.0)
    known = Counter[str]()
    for word, count in words.items():
        languages = _languages_with().get(word, ())
        for language in languages:
            # Often repeated, a word tells little more than twice.
            scores[language] += min(count, 2 + count / 4) / len(languages)
            known[language] += 1
    (first, best), (_, second) = sorted(scores.items(), key=lambda item: -item[1])[:2]
    enough = words.total() >= _FEWEST_WORDS and known[first] >= _FEWEST_COMMON
    share = sum(words[word] for word in _words_of(first) if word in words) / max(words.total(), 1)
    return first if enough and share >= _LEAST_SHARE and best >= _LEAST_LEAD * second else UNKNOWN


def _without_addresses(text: str) -> str:
    return " ".join(token for token in text.split() if "://" not in token and "@" not in token and not token.startswith("www."))


@cache
def _words_of(language: str) -> frozenset[str]:
    return frozenset(_COMMON[language].split())


@cache
def _languages_with() -> dict[str, tuple[str, ...]]:
    words = frozenset[str]().union(*map(_words_of, _COMMON))
    return {word: tuple(language for language in _COMMON if word in _words_of(language)) for word in words}
