# Every name where it stands. What `__init__.py` says of that is held against this by stubtest.
from .aio import *
from .duration import *
from .errors import *
from .events import *
from .hooks import *
from .outcome import *
from .plan import *
from .rollout import *
from .scenario import *
from .schedule import *
from .status import *
from .step import *
from .strategy import *

__version__: str
__all__: list[str]
