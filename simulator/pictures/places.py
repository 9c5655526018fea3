"""The map: where people live and where merchants stand."""

import numpy as np

from simulator.drawing import Bools, Floats
from simulator.merchants import Merchants
from simulator.people import People
from simulator.pictures.svg import COLOURS, INK, MUTED, Canvas, Panel
from simulator.places import TOWNS

FRAMES = (
    ("Europe", (16, 44, 480, 450), (-11.0, 39.0), (34.5, 62.0)),
    ("United States", (510, 44, 234, 130), (-126.0, -64.0), (23.0, 45.5)),
    ("Paris, closer", (510, 188, 234, 190), (1.95, 2.75), (48.6, 49.1)),
)
CORNERS = ((6, -5, "start"), (-6, -5, "end"), (6, 13, "start"), (-6, 13, "end"), (9, 4, "start"), (-9, 4, "end"))
"""Where a town's name may stand: the first place that is free."""
LETTER = 5.8


def places(people: People, merchants: Merchants) -> str:
    """Homes and tills; a till's size is how many come."""
    canvas = Canvas(760, 510, "Homes and merchants")
    homes, tills = people.first_card, np.flatnonzero(~merchants.online)
    for name, place, longitudes, latitudes in FRAMES:
        left, top, width, height = place
        panel = Panel(canvas, place, x=longitudes, y=latitudes)
        canvas.rectangle(left, top, width, height, "#f6f8f9")
        close = longitudes[1] - longitudes[0] < 2
        for at in tills[_inside(merchants.longitude[tills], merchants.latitude[tills], longitudes, latitudes)].tolist():
            radius = (0.9 + 0.55 * float(merchants.popularity[at]) ** 0.5) * (1.6 if close else 1)
            canvas.circle(panel.x(merchants.longitude[at]), panel.y(merchants.latitude[at]), radius, COLOURS[1], opacity=0.55)
        for slot in homes[_inside(people.longitude[homes], people.latitude[homes], longitudes, latitudes)].tolist():
            canvas.circle(panel.x(people.longitude[slot]), panel.y(people.latitude[slot]), 1.4 if close else 0.9, COLOURS[0], opacity=0.7)
        canvas.text(left + 8, top + 16, name, size=11, colour=MUTED)
        if not close:
            _name_towns(panel, longitudes, latitudes)
    canvas.circle(518, 410, 2.2, COLOURS[0])
    canvas.text(530, 414, f"home of an account ({len(homes):,})", size=11)
    canvas.circle(518, 432, 4, COLOURS[1], opacity=0.6)
    canvas.text(530, 436, f"till ({len(tills):,}), by how many come", size=11)
    canvas.text(510, 458, f"{int(merchants.online.sum()):,} merchants are online", size=11, colour=MUTED)
    return canvas.svg()


def _inside(longitude: Floats, latitude: Floats, longitudes: tuple[float, float], latitudes: tuple[float, float]) -> Bools:
    return (longitude > longitudes[0]) & (longitude < longitudes[1]) & (latitude > latitudes[0]) & (latitude < latitudes[1])


def _name_towns(panel: Panel, longitudes: tuple[float, float], latitudes: tuple[float, float]) -> None:
    """The largest first, each where it covers no other name and no edge; none where there is no such place."""
    left, top, width, height = panel.place
    taken: list[tuple[float, float, float, float]] = []
    for town in sorted(TOWNS, key=lambda town: -town.size):
        if not (longitudes[0] < town.longitude < longitudes[1] and latitudes[0] < town.latitude < latitudes[1]):
            continue
        for across, down, anchor in CORNERS:
            x, y, long = panel.x(town.longitude) + across, panel.y(town.latitude) + down, LETTER * len(town.name)
            box = (x if anchor == "start" else x - long, y - 9, x + long if anchor == "start" else x, y + 1)
            free = all(box[2] < other[0] or other[2] < box[0] or box[3] < other[1] or other[3] < box[1] for other in taken)
            if free and left < box[0] and box[2] < left + width and top < box[1] and box[3] < top + height:
                taken.append(box)
                panel.canvas.text(x, y, town.name, size=10, colour=INK, anchor=anchor)
                break
