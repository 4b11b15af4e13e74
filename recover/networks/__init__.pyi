from ..networks.network import Network as Network
from ..networks.network import forward as forward
from ..networks.network import initial_network as initial_network
from ..networks.network import layer_shapes as layer_shapes
