package Provider::MobilityWork;
use strict; use warnings;
use parent 'Provider';
sub title { return 'Mobility Work'; }
sub type { return 'mobility_work'; }
1;
