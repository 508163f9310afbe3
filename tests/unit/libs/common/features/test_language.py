"""Sentences as people write them are told by their language; what is no language, or none known, is `unknown`."""

import pytest

from libs.common.features.language import UNKNOWN, language_of

SENTENCES = {
    "en": [
        "Could you please send me the invoice for March? I can't find it in my mailbox.",
        "The server has been down since this morning and our customers are complaining about it.",
        "Thanks for your help, we will be in touch with you next week.",
    ],
    "de": [
        "Können Sie mir bitte die Rechnung für März schicken? Ich finde sie nicht in meinem Postfach.",
        "Der Server ist seit heute Morgen nicht erreichbar, und unsere Kunden beschweren sich.",
        "Vielen Dank für Ihre Hilfe, wir melden uns in der nächsten Woche bei Ihnen.",
    ],
    "fr": [
        "Pourriez-vous m'envoyer la facture du mois de mars ? Je ne la trouve pas dans ma boîte.",
        "Le serveur est en panne depuis ce matin et nos clients se plaignent.",
        "Merci pour votre aide, nous vous contacterons la semaine prochaine.",
    ],
    "es": [
        "¿Podría enviarme la factura de marzo? No la encuentro en mi correo.",
        "El servidor no funciona desde esta mañana y los clientes se quejan.",
        "Muchas gracias por su ayuda, nos pondremos en contacto con usted la próxima semana.",
    ],
    "it": [
        "Potrebbe inviarmi la fattura di marzo? Non la trovo nella mia casella di posta.",
        "Il server non funziona da questa mattina e i nostri clienti si lamentano.",
        "Grazie per il suo aiuto, ci sentiamo la prossima settimana con più calma.",
    ],
    "pt": [
        "Você poderia me enviar a fatura de março? Não a encontro na minha caixa de correio.",
        "O servidor não funciona desde esta manhã e os clientes estão se queixando muito.",
        "Muito obrigado pela sua ajuda, entraremos em contato na próxima semana.",
    ],
    "nl": [
        "Kunt u mij de factuur van maart sturen? Ik kan hem niet vinden in mijn mailbox.",
        "De server is sinds vanmorgen niet bereikbaar en onze klanten klagen erover.",
        "Bedankt voor uw hulp, wij nemen volgende week contact met u op.",
    ],
    "sv": [
        "Kan du skicka fakturan för mars till mig? Jag hittar den inte i min inkorg.",
        "Servern har varit nere sedan i morse och våra kunder är inte glada.",
        "Tack för hjälpen, vi hör av oss till dig och de andra nästa vecka.",
    ],
    "da": ["Kan du sende mig fakturaen for marts? Jeg kan ikke finde den, efter at vi har skiftet system, hvad gør jeg?"],
    "no": ["Kan du sende meg fakturaen for mars? Jeg finner den ikke etter at vi har byttet system, hva gjør jeg nå?"],
    "fi": ["Voitteko lähettää laskun? Se ei ole postilaatikossa, ja olen jo etsinyt, mutta en ole varma, että se tuli."],
    "pl": ["Czy mogę prosić o fakturę za marzec? Nie ma jej w skrzynce, ale jest potrzebna do rozliczenia, proszę o pomoc."],
    "cs": ["Prosím o zaslání faktury za březen, není ve schránce. Děkuji, ale je to pro nás důležité a jsem rád."],
    "hr": ["Molim vas da pošaljete račun za ožujak, jer ga ne mogu naći, a već smo kod vas naručili i ostalo. Hvala."],
    "hu": ["Kérem, küldje el a márciusi számlát, mert nem találom, és az ügyfelek már nagyon várják. Köszönöm, hogy segít."],
    "ro": ["Vă rog să îmi trimiteți factura pentru martie, nu este în căsuță și am nevoie de ea. Mulțumesc, dar mai aștept."],
    "tr": ["Mart ayı için faturayı gönderir misiniz? Bulamadım ve çok gerekli, ama bu hafta sonra da olur. Teşekkürler."],
    "ru": ["Пришлите, пожалуйста, счёт за март, я не могу его найти. Спасибо, что помогаете, это для нас важно."],
    "uk": ["Надішліть, будь ласка, рахунок за березень, я не можу його знайти. Дякую, це важливо для нас, якщо він є."],
    "bg": ["Моля, изпратете ми фактурата за март, не мога да я намеря. Благодаря, това е важно за нас и ще се радваме."],
    "el": [
        "Μπορείτε να μου στείλετε το τιμολόγιο για τον Μάρτιο; Δεν είναι στο γραμματοκιβώτιό μου, ευχαριστώ για την βοήθεια."
    ],
}


@pytest.mark.parametrize(("language", "sentence"), [(code, text) for code, texts in SENTENCES.items() for text in texts])
def test_a_sentence_is_told_by_its_language(language: str, sentence: str) -> None:
    assert language_of(sentence) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hi Anna",
        "ACME-4711 SKU 12345 EUR 99.00 PDF XLS",
        "http://the.and/of/to/in?is=that https://www.example.com/the/and anna@the.example",
        "sajfdibpjnjppmhbymschktbn ukqdrblkougooeoffnxsmbowei qwerty asdfgh zxcvbn",
        "這是委託由專業廣告公司代發勿直接回信無法接收",
        "これは日本語の文章です。請求書を送ってください。",
        "Ar mhaith le einne anseo caint le TG4 faoin LBW?",
    ],
)
def test_what_no_known_language_explains_is_unknown(text: str) -> None:
    assert language_of(text) == UNKNOWN


def test_a_language_is_told_whatever_the_case_and_beside_links() -> None:
    assert language_of("PLEASE SEND ME THE INVOICE THAT IS IN YOUR MAILBOX https://la.de/el/los/que") == "en"
