// Directives stand before everything else: this file comes first in kernels that use subgroups.
enable subgroups;
