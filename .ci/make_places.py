"""Makes the two data files of aftercare.places from maintained sources, whose versions requirements/tools.txt locks.

zones.json: which zones a country, a region, a postcode may be in. Countries and their zones: the tz database's zone.tab.
US states and three-digit ZIP areas: the `zipcodes` package. Calling codes: libphonenumber's metadata. Regions of other
countries with several zones: the table below, transcribed from the comments of zone.tab, which are for people to read.
holidays.json: public holidays by country and region, from the `holidays` package, for the years below.

A zone stands for all of its country that agree with it on every half day of those years.
"""

import json
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
import zipcodes
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

PLACES = Path(__file__).parent.parent / "layers" / "shared" / "aftercare" / "places"
FIRST_YEAR, LAST_YEAR = 2025, 2035

# ISO 3166-2 codes, and beside them the codes that store platforms use for the same region where they differ.
REGIONS = {
    "AU": {
        "Australia": "ACT:Sydney NSW:Sydney,Broken_Hill,Lord_Howe VIC:Melbourne QLD:Brisbane,Lindeman SA:Adelaide NT:Darwin"
        " WA:Perth,Eucla TAS:Hobart",
    },
    "BR": {
        "America": "AC:Rio_Branco AL:Maceio AM:Manaus,Eirunepe AP:Belem BA:Bahia CE:Fortaleza DF:Sao_Paulo ES:Sao_Paulo"
        " GO:Sao_Paulo MA:Fortaleza MG:Sao_Paulo MS:Campo_Grande MT:Cuiaba PA:Belem,Santarem PB:Fortaleza PE:Recife,Noronha"
        " PI:Fortaleza PR:Sao_Paulo RJ:Sao_Paulo RN:Fortaleza RO:Porto_Velho RR:Boa_Vista RS:Sao_Paulo SC:Sao_Paulo SE:Maceio"
        " SP:Sao_Paulo TO:Araguaina",
    },
    "CA": {
        "America": "AB:Edmonton BC:Vancouver,Creston,Dawson_Creek,Fort_Nelson,Edmonton MB:Winnipeg NB:Moncton"
        " NL:St_Johns,Goose_Bay NS:Halifax,Glace_Bay NT:Inuvik,Edmonton"
        " NU:Iqaluit,Atikokan,Resolute,Rankin_Inlet,Cambridge_Bay"
        " ON:Toronto,Atikokan,Winnipeg PE:Halifax QC:Toronto,Blanc-Sablon,Halifax SK:Regina,Swift_Current,Edmonton"
        " YT:Whitehorse,Dawson",
    },
    "CL": {"America": "AI:Coyhaique,Santiago MA:Punta_Arenas VS:Santiago", "Pacific": "VS:Easter"},
    "EC": {"Pacific": "W:Galapagos"},
    "ES": {"Atlantic": "CN:Canary GC:Canary TF:Canary"},
    "ID": {
        "Asia": "AC:Jakarta BA:Makassar BB:Jakarta BE:Jakarta BT:Jakarta GO:Makassar JA:Jakarta JB:Jakarta JI:Jakarta JK:Jakarta"
        " JT:Jakarta KB:Pontianak KI:Makassar KR:Jakarta KS:Makassar KT:Pontianak KU:Makassar LA:Jakarta MA:Jayapura MU:Jayapura"
        " NB:Makassar NT:Makassar PA:Jayapura PB:Jayapura PD:Jayapura PE:Jayapura PS:Jayapura PT:Jayapura RI:Jakarta"
        " SA:Makassar SB:Jakarta SG:Makassar SN:Makassar SR:Makassar SS:Jakarta ST:Makassar SU:Jakarta YO:Jakarta",
    },
    "MX": {
        "America": "AGU,AGS:Mexico_City BCN,BC:Tijuana BCS:Mazatlan CAM,CAMP:Merida CHP,CHIS:Mexico_City"
        " CHH,CHIH:Chihuahua,Ciudad_Juarez,Ojinaga CMX,DF:Mexico_City COA,COAH:Monterrey,Matamoros COL:Mexico_City"
        " DUR,DGO:Monterrey GUA,GTO:Mexico_City GRO:Mexico_City HID,HGO:Mexico_City JAL:Mexico_City MEX:Mexico_City"
        " MIC,MICH:Mexico_City MOR:Mexico_City NAY:Mazatlan,Bahia_Banderas NLE,NL:Monterrey,Matamoros OAX:Mexico_City"
        " PUE:Mexico_City QUE,QRO:Mexico_City ROO,Q_ROO:Cancun SLP:Mexico_City SIN:Mazatlan SON:Hermosillo TAB:Mexico_City"
        " TAM,TAMPS:Monterrey,Matamoros TLA,TLAX:Mexico_City VER:Mexico_City YUC:Merida ZAC:Mexico_City",
    },
    "NZ": {"Pacific": "CIT:Chatham"},
    "PT": {"Atlantic": "20:Azores 30:Madeira"},
}

# Beginnings of postcodes, the longest one counts: what the national posts publish of their areas.
POSTCODES = {
    "AU": "2:Australia/Sydney 2880:Australia/Broken_Hill 2898:Australia/Lord_Howe 3:Australia/Melbourne 4:Australia/Brisbane"
    " 5:Australia/Adelaide 6:Australia/Perth 6443:Australia/Eucla,Australia/Perth 7:Australia/Hobart 08:Australia/Darwin"
    " 09:Australia/Darwin",
    "ES": " ".join(f"{n:02}:{'Atlantic/Canary' if n in (35, 38) else 'Europe/Madrid'}" for n in range(1, 53)),
    "PT": "1:Europe/Lisbon 2:Europe/Lisbon 3:Europe/Lisbon 4:Europe/Lisbon 5:Europe/Lisbon 6:Europe/Lisbon 7:Europe/Lisbon"
    " 8:Europe/Lisbon 90:Europe/Lisbon 91:Europe/Lisbon 92:Europe/Lisbon 93:Europe/Lisbon 94:Europe/Lisbon"
    " 95:Atlantic/Azores 96:Atlantic/Azores 97:Atlantic/Azores 98:Atlantic/Azores 99:Atlantic/Azores",
}

# Where most people live, if more regions are elsewhere; and names that people know better than others of the same hours.
BEST_KNOWN = {
    "AU": ("Australia/Sydney", "Australia/Adelaide"),
    "CA": ("America/Toronto", "America/Whitehorse"),
    "ES": ("Europe/Madrid",),
    "RU": ("Europe/Moscow",),
    "UA": ("Europe/Kyiv",),
}

# Field post: an address that may stand anywhere.
ANYWHERE = ("AA", "AE", "AP")


@cache
def behaviour(zone: str) -> tuple[int, ...]:
    """The zone's offset, in minutes, every twelve hours of the years."""
    there = ZoneInfo(zone)
    days = (datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)).days
    instants = (datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) + timedelta(hours=12 * n) for n in range(2 * days))
    return tuple(int((i.astimezone(there).utcoffset() or timedelta()).total_seconds()) // 60 for i in instants)


def zones_by_country() -> dict[str, list[str]]:
    found = defaultdict(list)
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found[country].append(zone)
    return dict(found)


def written_regions() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for country, areas in REGIONS.items():
        for area, rows in areas.items():
            for row in rows.split():
                codes, _, names = row.partition(":")
                for code in codes.split(","):
                    zones = found.setdefault(country, {}).setdefault(code, [])
                    zones += [f"{area}/{name}" for name in names.split(",")]
    return found


def us_areas() -> tuple[Counter[tuple[str, str]], dict[str, set[tuple[str, str]]]]:
    """How many ZIP codes a state has in a zone, and the states and zones of each three-digit area."""
    counts: Counter[tuple[str, str]] = Counter()
    areas = defaultdict(set)
    for code in zipcodes.list_all():
        zone = code["timezone"] if "/" in code["timezone"] else None
        if code["state"] in ANYWHERE:
            zone = ""
        if zone is None:
            continue
        counts[code["state"], zone] += 1
        areas[code["zip_code"][:3]].add((code["state"], zone))
    return counts, areas


def zones() -> dict[str, object]:
    by_country, regions = zones_by_country(), written_regions()
    counts, areas = us_areas()
    regions["US"] = {}
    for (state, zone), _ in counts.most_common():
        regions["US"].setdefault(state, []).extend([zone] if zone else [])
    for country, table in regions.items():
        ours = set(by_country[country])
        strange = {z for code, zs in table.items() for z in zs if z not in ours} - _territories(by_country)
        if strange:
            sys.exit(f"{country}: not its zones by zone.tab: {sorted(strange)}")
    mains: dict[str, Counter[str]] = {c: Counter(z for zs in t.values() for z in zs) for c, t in regions.items()}
    mains["US"] = Counter({zone: n for (_, zone), n in counts.items()} | {"America/New_York": len(areas) * 100})
    stands: dict[tuple[str, tuple[int, ...]], str] = {}
    countries = {}
    for country, listed in sorted(by_country.items()):
        weight = mains.get(country, Counter())
        order = sorted(listed, key=lambda z: (z not in BEST_KNOWN.get(country, ()), -weight[z], listed.index(z)))
        countries[country] = list(dict.fromkeys(stands.setdefault((country, behaviour(z)), z) for z in order))

    def standing(country: str, names: list[str]) -> list[str]:
        return list(dict.fromkeys(stands.get((country, behaviour(z)), z) for z in names))

    us = {
        area: sorted({f"{state} {z}" for state, zone in pairs for z in (standing("US", [zone]) if zone else [""])})
        for area, pairs in areas.items()
    }
    postcodes = {"US": us}
    for country, rows in POSTCODES.items():
        split = [row.partition(":") for row in rows.split()]
        postcodes[country] = {start: [f" {z}" for z in standing(country, names.split(","))] for start, _, names in split}
    return {
        "sources": [f"{name} {version(name)}" for name in ("tzdata", "zipcodes", "phonenumberslite")],
        "countries": countries,
        "regions": {c: {code: standing(c, zs) for code, zs in sorted(t.items())} for c, t in sorted(regions.items())},
        "postcodes": {c: dict(sorted(t.items())) for c, t in sorted(postcodes.items())},
        "calling_codes": {
            str(code): sorted(r for r in known if r in countries)
            for code, known in sorted(COUNTRY_CODE_TO_REGION_CODE.items())
            if known != ("001",)
        },
    }


def _territories(by_country: dict[str, list[str]]) -> set[str]:
    """Zones of the countries that are also states in a US postal address."""
    return {zone for country in ("AS", "FM", "GU", "MH", "MP", "PR", "PW", "VI") for zone in by_country[country]}


def public_holidays() -> dict[str, object]:
    """Country → region ("" for all of it) → days as yymmdd; a region's list has what it has beyond its country's."""
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    found: dict[str, dict[str, str]] = {}
    for country, subdivisions in sorted(holidays.list_supported_countries(include_aliases=False).items()):
        if len(country) != 2:
            continue
        everywhere = _days(holidays.country_holidays(country, years=years))
        found[country] = {"": " ".join(everywhere)}
        for subdivision in subdivisions:
            more = [d for d in _days(holidays.country_holidays(country, subdiv=subdivision, years=years)) if d not in everywhere]
            if more:
                found[country][subdivision] = " ".join(more)
    return {"sources": [f"holidays {version('holidays')}"], "years": [FIRST_YEAR, LAST_YEAR], "countries": found}


def _days(found: holidays.HolidayBase) -> list[str]:
    return sorted(f"{day:%y%m%d}" for day in found if FIRST_YEAR <= day.year <= LAST_YEAR)


def write(name: str, data: dict[str, object]) -> None:
    """One line for each entry of the second level, so that a change can be read."""
    lines = []
    for key, value in data.items():
        if isinstance(value, dict):
            rows = ",\n".join(f" {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items())
            lines.append(f"{json.dumps(key)}: {{\n{rows}\n}}")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    (PLACES / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write("zones.json", zones())
    write("holidays.json", public_holidays())
