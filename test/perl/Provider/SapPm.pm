package Provider::SapPm;
use strict; use warnings;
use parent 'Provider';
sub title { return 'SAP PM'; }
sub type { return 'sap_pm'; }
1;
