"""What customers of the invented shop write: an occasion is one situation, told in alternative wordings with slots.

The queues share their words: a parcel is late, comes back, was paid twice or came broken. A few customers write German.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# Queues and how many of a hundred tickets belong into each.
SHARES: Mapping[str, int] = {
    "Delivery": 25,
    "Billing": 20,
    "Technical": 17,
    "Returns": 15,
    "Account": 11,
    "Sales": 7,
    "Complaints": 5,
}

SLOTS: Mapping[str, tuple[str, ...]] = {
    "article": (
        *("desk lamp", "floor lamp", "bicycle bell", "touring bike", "child seat", "headlight", "saddle"),
        "lock",
    ),
    "artikel": ("Tischlampe", "Fahrradklingel", "Satteltasche", "Stehlampe", "Luftpumpe"),
    "sum": ("19.90", "48.00", "129.95", "7.50", "349.00", "64.20"),
    "days": ("two", "three", "five", "nine", "ten"),
    "weekday": ("Monday", "Tuesday", "Thursday", "Friday", "Saturday"),
    "town": ("Köln", "Zürich", "Malmö", "Leeds", "Łódź", "Ghent"),
    "device": ("phone", "tablet", "old laptop", "work computer"),
    "colour": ("green", "black", "copper", "white"),
}

NAMES = (
    *("Anna Müller", "Jörg Weiß", "Zeynep Özdemir", "Tom Baker", "Aoife Byrne", "Łukasz Nowak", "Chloé Dubois"),
    *("Sven Ångström", "Priya Raman", "José Núñez", "Mei Chen", "Grace O'Neill", "Ole Bjørnson", "Ruth Klein"),
)

VAGUE = (
    *("Question", "Help please", "Order $order", "My order", "Urgent!!", "Hello", "Re: Re: your message", "", ""),
    *("Frage zu Bestellung $order", "customer service", "no subject", "Problem with $article", "👋", "Still waiting"),
)
OPENINGS = (
    "Hello,",
    "Hi there,",
    "Dear team,",
    "Good morning,",
    "Hi 🙂",
    "Guten Tag,",
    "",
    "",
    "To whom it may concern,",
)
CLOSINGS = ("Thanks, $name", "Best regards\n$name", "Viele Grüße, $name", "$name", "", "", "Sent from my $device")
ASIDES = (
    "My order number is $order.",
    "I ordered the $article in $colour on $weekday.",
    "The parcel itself came on time, for which thanks.",
    "I have paid the invoice already, so that is not it.",
    "Logging in works, in case you ask.",
    "I do not want to send anything back yet.",
    "Your app is nice otherwise.",
    "Last year I had a $article from you and was happy with it.",
    "I wrote to you $days days ago and nobody answered.",
    "A friend in $town told me about your shop.",
    "The payment went through on $weekday.",
    "I tried your website on my $device first.",
)
# How a matter of another queue is told that needs no answer any more.
SETTLED = (
    "I had written before: $matter That is settled.",
    "$matter This has been solved meanwhile, I write about something else.",
    "Forget my last message ($matter)",
    "Not again this: $matter A colleague of yours has dealt with it.",
    "$matter But that is another ticket.",
)


@dataclass(frozen=True)
class Occasion:
    """One reason to write, and the queue where it belongs."""

    queue: str
    subjects: tuple[str, ...]
    facts: tuple[str, ...]
    wishes: tuple[str, ...]


OCCASIONS = (
    Occasion(
        "Delivery",
        ("Where is my parcel?", "Parcel for $town", "Order $order not here", "Lieferung fehlt", "Still no $article"),
        (
            "The $article was promised for $weekday and the tracking page has not moved for $days days.",
            "The courier says that he rang in $town, but I was at home all $weekday and nobody came.",
            "Tracking says delivered, yet there is no parcel at my door and no neighbour has it.",
            "Meine $artikel sollte am Montag kommen, aber das Paket ist noch immer nicht da.",
            "It has been $days days since you said that order $order had left the warehouse.",
        ),
        (
            "Can you find out where it is?",
            "Please ask the carrier.",
            "When will it arrive?",
            "Bitte sagen Sie mir, wann es ankommt.",
            "I need it by $weekday.",
        ),
    ),
    Occasion(
        "Delivery",
        ("Other address", "Please change the address of $order", "Moving to $town", "Neue Adresse"),
        (
            "I gave my old street for order $order, and it has not been handed over yet.",
            "We moved to $town last week and the $article is still going to the old flat.",
            "Nobody will be in on $weekday when the $article is due.",
        ),
        (
            "Can it be left with a neighbour instead?",
            "Please send it to my office.",
            "Could the carrier bring it a day later?",
        ),
    ),
    Occasion(
        "Billing",
        ("Charged twice", "Invoice for $order", "Double payment", "Zu viel abgebucht", "$sum EUR?"),
        (
            "My card shows two payments of $sum EUR for the same $article.",
            "You took $sum EUR on $weekday although I had cancelled order $order before.",
            "The invoice says $sum EUR, and the basket said less.",
            "Für die $artikel wurden mir $sum Euro zweimal abgebucht.",
            "=SUM(B2:B4) of the three invoices gives $sum EUR more than you took off in the end, see my sheet.",
        ),
        (
            "Please check the account.",
            "I would like the difference refunded.",
            "Please correct it.",
            "Can you explain the sum?",
            "Bitte prüfen Sie das.",
        ),
    ),
    Occasion(
        "Billing",
        ("Receipt", "Invoice with VAT number", "Rechnung fehlt", "Company name on the invoice"),
        (
            "For our tax office I need a receipt for the $article with the VAT shown apart.",
            "The invoice for order $order has my private name, and our company paid it.",
            "There was no invoice in the parcel with the $article.",
            "I transferred $sum EUR on $weekday and now got a reminder for the same order.",
        ),
        ("Please send a new one.", "Can I have it as a PDF?", "Could you look whether it was booked?", "Thank you."),
    ),
    Occasion(
        "Technical",
        ("App crashes", "Website does not work", "Error 500", "Bluetooth", "Update broke it", "App stürzt ab"),
        (
            "Since the update your app closes itself on my $device as soon as I open the basket.",
            "The page for the $article stays white on my $device.",
            "At the last step, payment, the website only says that something went wrong.",
            "The $article with Bluetooth no longer pairs with my $device.",
            "Die App zeigt seit gestern nur noch einen weißen Bildschirm.",
        ),
        (
            "I restarted it and nothing changed.",
            "What can I do?",
            "Is this known?",
            "Please fix it soon.",
            "Was kann ich tun?",
        ),
    ),
    Occasion(
        "Technical",
        ("How to mount the $article", "Manual", "Flickering", "Battery", "Does not switch on"),
        (
            "The $article flickers whenever the motor of the bike is on.",
            "After $days days the battery of the $article holds for an hour only.",
            "I cannot get the firmware of the $article beyond version 2, it stops at 40 %.",
            "The manual shows a screw that my $article does not have.",
        ),
        ("Is there a trick?", "Do I need another part?", "Can you tell me which setting is wrong?", "What can I do?"),
    ),
    Occasion(
        "Returns",
        ("Send it back", "Return of $order", "Wrong colour", "Broken on arrival", "Rücksendung", "Exchange"),
        (
            "The $article came in $colour and I had chosen another colour.",
            "When I unpacked the $article the glass was broken.",
            "The $article is too small for my bike and I have not used it.",
            "Die $artikel gefällt mir nicht, sie ist noch original verpackt.",
            "You sent me a $article, and I had ordered something else.",
        ),
        (
            "How do I send it back?",
            "Please send me a label for the parcel.",
            "Can I have another one instead?",
            "I would like my money back.",
            "Wie schicke ich sie zurück?",
        ),
    ),
    Occasion(
        "Returns",
        ("Has my return arrived?", "Refund for $order", "Return label", "Still no refund"),
        (
            "I sent the $article back $days days ago and the tracking says that your warehouse has it.",
            "The label that you mailed me for the $article cannot be read at the post office in $town.",
            "My return of order $order is not shown as received.",
        ),
        (
            "When do I get my $sum EUR?",
            "Please send a new one.",
            "Could you have a look?",
            "I would like my money back.",
        ),
    ),
    Occasion(
        "Account",
        ("Cannot log in", "Password", "Change of e-mail", "Delete my data", "Konto gesperrt", "New name"),
        (
            "The link for a new password never arrives, not in the spam folder either.",
            "My account was locked after I mistyped the password on my $device.",
            "I married and my name has changed, and the profile does not let me edit it.",
            "Mein Konto ist seit gestern gesperrt.",
            "I have two accounts, one with the old address from $town.",
            "I no longer want any newsletter and no account with you.",
        ),
        (
            "Please unlock it.",
            "Can you change it for me?",
            "Please delete everything that you have stored about me.",
            "Could you join them?",
            "Was kann ich tun?",
        ),
    ),
    Occasion(
        "Sales",
        ("Before I order", "Bulk order", "Is the $article in stock?", "Discount", "Angebot"),
        (
            "We are a school in $town and would take thirty pieces of the $article.",
            "Does the $article also fit a bike for children?",
            "When will the $article in $colour be in stock again?",
            "Gibt es die $artikel auch in Schwarz?",
            "Do you also send to $town, and what does it cost?",
        ),
        ("Could you make us an offer?", "Is there a discount?", "Then I would order on $weekday.", "Thank you."),
    ),
    Occasion(
        "Complaints",
        ("Very disappointed", "Rude on the phone", "Never again", "Beschwerde", "Your service"),
        (
            "The man on your hotline hung up on me when I asked about the $article.",
            "This is the third time that something is wrong with an order of mine, and each time I hear another story.",
            "Your driver threw the parcel over the fence in front of my children.",
            "So einen schlechten Service habe ich noch nie erlebt.",
        ),
        (
            "I expect an apology.",
            "I shall tell everybody in $town.",
            "Who is responsible for this?",
            "I want to speak to somebody in charge.",
        ),
    ),
)
