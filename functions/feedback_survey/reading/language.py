"""Which of the six languages a text is in, by its small words, its endings, its letters and the lexicons that know it.

Short answers have few of any of them, so the language in which the customer was asked counts as one more hint.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from feedback_survey.reading.lexicon import LANGUAGES, Language, lexicon
from feedback_survey.reading.text import Looked

_WORDS: dict[Language, str] = {
    "en": """the and is it to of i was for this that with my not you have are but very so they at on be as had were we from all
        would will your just me an if there been when has what which their or no can product it's don't i'm didn't doesn't too
        good great order arrived ordered after about out up only never got again other than then more because love service
        delivery received quality bad slow fast nice works thanks thank""",
    "de": """der die das und ist nicht ich es war zu mit den ein eine sehr auf fur von dem hat habe wir sie aber auch wie noch
        wird mich mir nur kein keine sich bei aus nach wurde sind als wenn oder so man alles schon immer leider gut schnell ware
        lieferung bestellung bestellt paket geliefert bekommen wieder bin ihr unser meine mein einen einem gute super danke
        qualitat produkt ankam angekommen uber dass zum zur im am vom doch da""",
    "es": """el la los las de que y en es un una no con para por muy lo se me mi pero su al del esta como mas todo ha he llego
        llegado producto pedido bien buen calidad rapido gracias fue son este ya si sin tiene hay nada cuando le nos porque
        tambien despues entrega recibido recibi compra tienda envio mal bueno buena solo aun estoy hasta desde eso esto""",
    "fr": """le la les de des et est un une je pas que qui dans pour sur tres avec ce il en au du mon ma mais par plus ne sont
        elle vous nous j'ai c'est n'est qu'il d'un d'une l'article a bien livraison commande produit recu colis rapide merci
        toujours encore tout cette ses son sa aussi apres avant bon bonne qualite jamais rien etait fait comme sans si
        ou y ete""",
    "it": """il lo la i gli le di che e un una non per con sono molto ma ho mi si del della dei delle al alla nel nella come anche
        questo questa tutto tutti ordine prodotto arrivato consegna spedizione pacco ottimo ottima buono buona qualita grazie
        e' piu ancora stato stata perche dopo prima mai niente sempre era hanno ha ben bene da in se ci o ne qui solo troppo""",
    "pt": """o a os as de que e do da em um uma nao com para por muito mas meu minha foi se no na ao dos das eu mais como esta ja
        produto entrega chegou recebi veio prazo bom boa loja compra comprei tudo bem ainda ate so pois pelo pela nem e' foi
        sem ser tem tinha estou qualidade antes depois recomendo obrigado obrigada pedido ele ela isso este nos voce otimo""",
}
_ENDINGS: dict[Language, tuple[str, ...]] = {
    "en": ("ing", "ght", "tion", "ould", "ally", "ness"),
    "de": ("ung", "lich", "keit", "isch", "chen", "igen", "heit", "ert"),
    "es": ("cion", "idad", "ado", "ados", "amente", "aron", "ito"),
    "fr": ("eau", "eux", "ment", "aient", "ee", "ees", "oir", "ille"),
    "it": ("zione", "mente", "ato", "ata", "ezza", "issimo", "issima", "tto", "tta", "ggio"),
    "pt": ("cao", "coes", "ando", "endo", "inho", "inha", "mento", "ados", "eu", "ou"),
}
_LETTERS: dict[str, Language] = {
    **dict.fromkeys("ßäöü", "de"),
    **dict.fromkeys("ñ¿¡", "es"),
    **dict.fromkeys("œêùë", "fr"),
    **dict.fromkeys("òì", "it"),
    **dict.fromkeys("ãõ", "pt"),
}
_SIGNS = frozenset([*_LETTERS, *(letter.upper() for letter in _LETTERS if letter != "ß")])
_BITS = 24
_MOST = (1 << _BITS) - 1
_PLACES: dict[str | None, int] = {language: _BITS * place for place, language in enumerate(LANGUAGES)}
_LETTER, _ASKED = 1500, 600
_ENDING, _KNOWN = 0.35, 0.4
_BESIDE, _PART = 1500, 0.3
"""A second language is in a text with so much to tell of it, and so much of the first one's."""


class Identified(NamedTuple):
    """`confidence` from 0 to 1 is the lead over the next language; 0 where nothing but the hint was known. `beside` is that next
    one, where a good part of the text is in it."""

    language: Language
    confidence: float
    beside: Language | None = None


@lru_cache(maxsize=1)
def _weights() -> dict[str, tuple[tuple[Language, float], ...]]:
    """Each small word's languages; one that several share says less."""
    shared: dict[str, list[Language]] = {}
    for language, words in _WORDS.items():
        for word in dict.fromkeys(words.split()):
            shared.setdefault(word, []).append(language)
    return {word: tuple((language, 1.0 / len(of) ** 1.5) for language in of) for word, of in shared.items()}


class _Hints(Looked[int]):
    def look(self, word: str) -> int:
        """What one word says for each of LANGUAGES, in thousandths, side by side in one number: they are summed at once."""
        found = dict(_weights().get(word, ()))
        if len(word) >= 4:
            endings = [language for language, known in _ENDINGS.items() if word.endswith(known)]
            moods = [language for language in LANGUAGES if lexicon(language).value(word)]
            for weight, languages in ((_ENDING, endings), (_KNOWN, moods)):
                for language in languages:
                    found[language] = found.get(language, 0.0) + weight / len(languages)
        return sum(round(1000 * weight) << _PLACES[language] for language, weight in found.items())


_hints = _Hints()


def identify(text: str, words: Iterable[str], asked_in: str | None = None) -> Identified:
    """The likeliest of LANGUAGES. `asked_in` is the language in which the customer was asked, if it is one of them. `text` has at
    most text.LONGEST characters."""
    said = sum(map(_hints.__getitem__, words))
    if not text.isascii():
        for letter in {letter.lower() for letter in _SIGNS.intersection(text)}:
            said += _LETTER << _PLACES[_LETTERS[letter]]
    asked = _ASKED << _PLACES[asked_in] if asked_in in _PLACES else 0
    scores = [(said + asked) >> place & _MOST for place in _PLACES.values()]
    second, first = sorted(scores)[-2:]
    language = LANGUAGES[scores.index(first)] if first else "en"
    beside = LANGUAGES[scores.index(second)] if second >= _BESIDE and second >= _PART * first and second < first else None
    return Identified(language, (first - second) / (first + 500) if said else 0.0, beside)


def small(word: str, language: Language) -> bool:
    """Whether it is one of the words by which the language is found."""
    return any(of == language for of, _ in _weights().get(word, ()))
