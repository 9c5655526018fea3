"""Countries and their towns, where people live and merchants stand."""

from typing import NamedTuple

import numpy as np


class Town(NamedTuple):
    """size: how many live there, relative to the country's other towns."""

    name: str
    latitude: float
    longitude: float
    size: float


class Country(NamedTuple):
    """A country of the simulated world. euro_minor: minor units of its currency for one euro cent. zone: an index into ZONES."""

    code: str
    currency: str
    euro_minor: float
    share: float
    zone: int
    towns: tuple[Town, ...]


ZONES = (1, -6)
"""Hours that its clocks are ahead of UTC."""
COUNTRIES = (
    Country("DE", "EUR", 1.0, 0.2, 0, (
        Town("Berlin", 52.52, 13.4, 3.6), Town("Hamburg", 53.55, 9.99, 1.8), Town("Munich", 48.14, 11.58, 1.5),
        Town("Cologne", 50.94, 6.96, 1.1), Town("Frankfurt", 50.11, 8.68, 0.8), Town("Leipzig", 51.34, 12.37, 0.6),
    )),
    Country("FR", "EUR", 1.0, 0.16, 0, (
        Town("Paris", 48.86, 2.35, 4.0), Town("Lyon", 45.76, 4.84, 1.2), Town("Marseille", 43.3, 5.37, 1.1),
        Town("Toulouse", 43.6, 1.44, 0.8), Town("Lille", 50.63, 3.06, 0.7),
    )),
    Country("IT", "EUR", 1.0, 0.11, 0, (
        Town("Rome", 41.9, 12.5, 2.8), Town("Milan", 45.46, 9.19, 2.0), Town("Naples", 40.85, 14.27, 1.2),
        Town("Turin", 45.07, 7.69, 0.9),
    )),
    Country("ES", "EUR", 1.0, 0.1, 0, (
        Town("Madrid", 40.42, -3.7, 3.2), Town("Barcelona", 41.39, 2.17, 1.9), Town("Valencia", 39.47, -0.38, 0.8),
        Town("Seville", 37.39, -5.98, 0.7),
    )),
    Country("GB", "GBP", 0.85, 0.13, 0, (
        Town("London", 51.51, -0.13, 5.0), Town("Birmingham", 52.49, -1.89, 1.2), Town("Manchester", 53.48, -2.24, 1.1),
        Town("Glasgow", 55.86, -4.25, 0.7), Town("Leeds", 53.8, -1.55, 0.7),
    )),
    Country("US", "USD", 1.09, 0.09, 1, (
        Town("New York", 40.71, -74.01, 4.0), Town("Chicago", 41.88, -87.63, 1.8), Town("Houston", 29.76, -95.37, 1.4),
        Town("Los Angeles", 34.05, -118.24, 2.6), Town("Miami", 25.76, -80.19, 0.9),
    )),
    Country("PL", "PLN", 4.3, 0.07, 0, (
        Town("Warsaw", 52.23, 21.01, 1.8), Town("Krakow", 50.06, 19.94, 0.8), Town("Gdansk", 54.35, 18.65, 0.5),
    )),
    Country("SE", "SEK", 11.4, 0.04, 0, (
        Town("Stockholm", 59.33, 18.07, 1.6), Town("Gothenburg", 57.71, 11.97, 0.6), Town("Malmo", 55.6, 13.0, 0.4),
    )),
    Country("CH", "CHF", 0.95, 0.04, 0, (
        Town("Zurich", 47.38, 8.54, 1.3), Town("Geneva", 46.2, 6.14, 0.6), Town("Bern", 46.95, 7.45, 0.4),
    )),
    Country("RO", "RON", 5.0, 0.04, 0, (
        Town("Bucharest", 44.43, 26.1, 1.8), Town("Cluj", 46.77, 23.59, 0.4), Town("Iasi", 47.16, 27.58, 0.4),
    )),
    Country("TR", "TRY", 35.0, 0.02, 0, (
        Town("Istanbul", 41.01, 28.98, 5.0), Town("Ankara", 39.93, 32.86, 1.8), Town("Izmir", 38.42, 27.14, 1.2),
    )),
)  # fmt: skip
TOWNS = tuple(town for country in COUNTRIES for town in country.towns)
TOWN_COUNTRY = np.array([at for at, country in enumerate(COUNTRIES) for _ in country.towns])
"""Of each of TOWNS, an index into COUNTRIES."""
TOWN_SHARE = [
    country.share * town.size / sum(each.size for each in country.towns) for country in COUNTRIES for town in country.towns
]  # of all people and merchants
TOWN_LATITUDE = np.array([town.latitude for town in TOWNS])
TOWN_LONGITUDE = np.array([town.longitude for town in TOWNS])
STREETS = (
    "Mill Lane", "Station Road", "Church Street", "Garden Row", "High Street", "Harbour Way", "School Lane", "Castle Hill", "Lime Avenue",
    "Market Square", "Bridge Street", "Park Road", "Chestnut Walk", "North Parade", "Orchard Close", "Spring Gardens",
)  # fmt: skip
