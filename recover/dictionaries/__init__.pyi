from ..dictionaries.directions import consistency as consistency
from ..dictionaries.directions import cosines as cosines
from ..dictionaries.directions import greedy_distance as greedy_distance
from ..dictionaries.directions import largest_cosines as largest_cosines
from ..dictionaries.directions import matched_cosines as matched_cosines
from ..dictionaries.directions import present_rows as present_rows
from ..dictionaries.directions import unit_rows as unit_rows
