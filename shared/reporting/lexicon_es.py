"""Spanish: nouns, clauses and small words of the reports. See `lexicon.py` for what each table means."""

from typing import Final

from shared.domain.reports import Language
from shared.reporting.lexicon import Lexicon, Name, Organ, Symbol, Term, expand, word_set

_TERMS: Final = (
    Term("Atelectasis", (Name("atelectasia", "una", "atelectasias"), Name("cambio atelectásico", "un"))),
    Term(
        "Cardiomegaly",
        (Name("cardiomegalia"), Name("aumento del tamaño cardíaco")),
        also=("aumento (de la silueta cardiaca|del tamaño de la silueta cardiaca)", "agrandamiento cardiaco"),
        present=("el corazón está aumentado de tamaño", "la silueta cardíaca está aumentada de tamaño"),
        uncertain=("el corazón podría estar aumentado de tamaño",),
        absent=("la silueta cardiaca no está aumentada de tamaño",),
    ),
    Term("Effusion", (Name("derrame pleural", "un", "derrames pleurales"), Name("líquido pleural"))),
    Term(
        "Infiltration",
        (Name("infiltrado pulmonar", "un", "infiltrados pulmonares"), Name("infiltración pulmonar", "una")),
        also=("infiltrado", "infiltrados"),
    ),
    Term("Mass", (Name("masa pulmonar", "una", "masas pulmonares"),)),
    Term(
        "Nodule",
        (Name("nódulo pulmonar", "un", "nódulos pulmonares"), Name("imagen nodular pulmonar", "una")),
        also=("nódulo", "nódulos"),
    ),
    Term("Pneumonia", (Name("neumonía"),)),
    Term("Pneumothorax", (Name("neumotórax", "un"),)),
    Term(
        "Consolidation",
        (Name("consolidación pulmonar", "una", "consolidaciones pulmonares"), Name("consolidación", "una")),
        also=("consolidaciones", "consolidación del espacio aéreo"),
    ),
    Term("Edema", (Name("edema pulmonar"),), also=("edema",)),
    Term("Emphysema", (Name("enfisema"), Name("enfisema pulmonar"))),
    Term("Fibrosis", (Name("fibrosis pulmonar"), Name("fibrosis")), also=("cambios fibróticos",)),
    Term(
        "Pleural_Thickening", (Name("engrosamiento pleural", "un"), Name("engrosamiento de la pleura", "un"))
    ),
    Term(
        "Hernia",
        (Name("hernia diafragmática (de hiato)", "una"),),
        also=("hernia (diafragmática|de hiato)",),
    ),
    Term(
        "Enlarged_Cardiomediastinum",
        (
            Name("ensanchamiento cardiomediastínico", "un"),
            Name("aumento de la silueta cardiomediastínica", "un"),
        ),
        present=("la silueta cardiomediastínica está ensanchada",),
        uncertain=("la silueta cardiomediastínica podría estar ensanchada",),
        absent=("la silueta cardiomediastínica no está ensanchada",),
    ),
    Term(
        "Lung_Opacity",
        (Name("opacidad pulmonar", "una", "opacidades pulmonares"),),
        also=("opacidad", "opacidades"),
    ),
    Term("Lung_Lesion", (Name("lesión pulmonar", "una", "lesiones pulmonares"),)),
    Term("Fracture", (Name("fractura", "una", "fracturas"), Name("fractura ósea", "una", "fracturas óseas"))),
    Term(
        "Support_Devices",
        (
            Name("dispositivo de soporte", "un", "dispositivos de soporte"),
            Name("dispositivo médico", "un", "dispositivos médicos"),
        ),
    ),
    Term(
        "Pleural_Other",
        (Name("alteración pleural", "una", "alteraciones pleurales"), Name("alteración de la pleura", "una")),
    ),
    Term("COVID-19", (Name("neumonía por COVID-19"),), also=("covid 19",)),
    Term("Tuberculosis", (Name("tuberculosis pulmonar"), Name("tuberculosis"))),
    Term(
        "Foreign_Object",
        (
            Name("cuerpo extraño", "un", "cuerpos extraños"),
            Name("objeto extraño", "un", "objetos extraños"),
        ),
        also=(
            "cuerpo extraño (radiopaco|metálico|externo)",
            "cuerpos extraños (radiopacos|metálicos|externos)",
        ),
    ),
)

_SEE: Final = "observa|observan|identifica|identifican|aprecia|aprecian|detecta|detectan|visualiza|visualizan"
_SMALL: Final = {
    Symbol.NO: (
        f"no se ({_SEE})",
        "no hay (evidencia de|signos de|)",
        f"no se ({_SEE}) (evidencia|signos) de",
        "ausencia de",
        "no existe",
        "no existen",
    ),
    Symbol.WITHOUT: ("sin", "sin evidencia de", "sin signos de"),
    Symbol.MAYBE_BEFORE: (
        "(posible|posibles|probable|probables)",
        "(un|una) (posible|probable)",
        "(hay|se observa|se identifica) (un|una|) (posible|probable)",
        "(podría|podrían) (haber|existir)",
        "dudosa",
        "dudoso",
        "sospecha de",
        "sugestivo de",
    ),
    Symbol.MAYBE_AFTER: (
        "(es|son) (posible|posibles|probable|probables|dudoso|dudosa|dudosos|dudosas)",
        "(podría|podrían) estar (presente|presentes)",
    ),
    Symbol.MAYBE_EITHER: (
        "no se (puede|pueden) (descartar|excluir)",
        "no (puede|pueden) descartarse",
        "no se (descarta|descartan|excluye|excluyen)",
        "se sospecha",
        "se sospechan",
    ),
    Symbol.ABSENT_AFTER: ("(está|están) (ausente|ausentes)",),
    Symbol.PRESENT_AFTER: ("(está|están) (presente|presentes)", "presente"),
    Symbol.THERE_IS: (
        "hay",
        "existe",
        "existen",
        f"se ({_SEE})",
        "la (radiografía|imagen) muestra",
    ),
    Symbol.AND: ("y", "e", "así como"),
    Symbol.OR: ("ni", "o", "u"),
    Symbol.BUT: ("pero", "sin embargo", "aunque", "mientras que"),
    Symbol.COMMA: (",",),
    Symbol.SEMICOLON: (";",),
    Symbol.SILENT: (
        "(un|una|unos|unas|el|la|los|las)",
        "en (los pulmones|el tórax|el pulmón)",
        "en (esta|la) (radiografía|imagen|exploración)",
    ),
}

_HEADINGS: Final = {
    Organ.LUNGS: "Pulmones",
    Organ.PLEURA: "Pleura",
    Organ.HEART: "Corazón y mediastino",
    Organ.BONES: "Huesos",
    Organ.DEVICES: "Dispositivos",
}
_STRANGE: Final = {
    "normality, which no label is": word_set(
        "libre libres normal normales alteracion alteraciones anomalia anomalias hallazgo hallazgos "
        "patologico patologicos otro otra otros otras",
    ),
    "side or zone": word_set(
        "izquierdo izquierda derecho derecha bilateral bilaterales unilateral ambos ambas base "
        "bases basal basales apical superior inferior medio lobulo lobulos zona hilio perihiliar "
        "retrocardiaco lateral central periferico hemitorax costofrenico",
    ),
    "comparison with a prior": word_set(
        "previo previa previos previas anterior anteriores comparado comparada comparacion nuevo "
        "nueva estable estables cambios aumento disminuido mejoria empeoramiento progresion "
        "resuelto persiste respecto evolucion reciente antes",
    ),
    "measurement": word_set(
        "cm mm centimetros milimetros mide indice",
    ),
    "severity": word_set(
        "leve leves moderado moderada severo severa grave pequeno pequena grande minimo minima "
        "masivo masiva extenso extensa discreto discreta marcado marcada agudo aguda cronico "
        "cronica tension",
    ),
    "device": word_set(
        "tubo cateter marcapasos via sonda drenaje valvula cable cables protesis endotraqueal nasogastrica",
    ),
    "patient data": word_set(
        "paciente anos varon mujer hombre senor senora antecedentes doctor hospital",
    ),
    "recommendation": word_set(
        "recomienda recomendacion sugiere tc tac resonancia biopsia ecografia control seguimiento "
        "repetir tratamiento urgente considerar valorar antibioticos",
    ),
    "talk": word_set(
        "yo usted asistente siento favor ia aqui claro modelo lenguaje nota ayudar",
    ),
}


def _all(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text for pattern in patterns for text in expand(pattern))


SPANISH: Final = Lexicon(
    language=Language.SPANISH,
    terms={term.label: term for term in _TERMS},
    headings=_HEADINGS,
    critical="Hallazgo crítico",
    small={symbol: _all(patterns) for symbol, patterns in _SMALL.items()},
    strange=_STRANGE,
)
