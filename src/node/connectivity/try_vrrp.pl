use strict;
use Errno qw(ENOPROTOOPT EPROTO EAGAIN EWOULDBLOCK);
use Fcntl;
use Socket qw(AF_INET AF_INET6 SOCK_RAW inet_pton pack_sockaddr_in pack_sockaddr_in6);
use Time::HiRes qw(time);
my ($own, @peers) = @ARGV;
my $family = $own =~ /:/ ? AF_INET6 : AF_INET;
my $at = sub {
    my $packed = inet_pton($family, $_[0]);
    return $family == AF_INET6 ? pack_sockaddr_in6(0, $packed) : pack_sockaddr_in(0, $packed);
};
my (%verdicts, %left);
for my $index (0 .. $#peers) {
    my $s;
    if (!socket($s, $family, SOCK_RAW, 112) || !bind($s, $at->($own))) {
        # Our own side: of the way to the peer nothing is known.
        $verdicts{$index} = "unknown";
    } elsif (connect($s, $at->($peers[$index]))) {
        fcntl($s, F_SETFL, O_NONBLOCK);
        $left{$index} = $s;
    } else {
        $verdicts{$index} = "closed $!";
    }
}
my $settle = sub {
    my ($index, $done, $error, $text) = @_;
    return if !$done && ($error == EAGAIN || $error == EWOULDBLOCK);
    return if $done && $done eq "sent";
    my $open = $done || $error == ENOPROTOOPT || $error == EPROTO;
    $verdicts{$index} = $open ? "open" : "closed $text";
    delete $left{$index};
};
my ($begun, $sent) = (time, 0);
while (%left && time - $begun < 2.2) {
    if (time - $begun >= $sent * 0.7) {
        $sent++;
        for my $index (keys %left) {
            my $done = defined(send($left{$index}, "\0" x 8, 0));
            $settle->($index, $done && "sent", $! + 0, "$!");
        }
    }
    my $wanted = "";
    vec($wanted, fileno($_), 1) = 1 for values %left;
    select($wanted, undef, undef, 0.1);
    for my $index (keys %left) {
        next unless vec($wanted, fileno($left{$index}), 1);
        my $done = defined(recv($left{$index}, my $packet, 2048, 0));
        $settle->($index, $done && "received", $! + 0, "$!");
    }
}
$verdicts{$_} = "closed no answer" for keys %left;
print "$_ $verdicts{$_}\n" for keys %verdicts;
