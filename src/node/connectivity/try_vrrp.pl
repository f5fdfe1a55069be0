use strict;
use Errno qw(ENOPROTOOPT EPROTO EAGAIN EWOULDBLOCK);
use Fcntl;
use Socket qw(AF_INET AF_INET6 SOCK_RAW inet_pton pack_sockaddr_in pack_sockaddr_in6);
use Time::HiRes qw(time);
my ($mode, $own, @peers) = @ARGV;
my $hears = $mode eq "hear";
my $family = $own =~ /:/ ? AF_INET6 : AF_INET;
my $at = sub {
    my $packed = inet_pton($family, $_[0]);
    return $family == AF_INET6 ? pack_sockaddr_in6(0, $packed) : pack_sockaddr_in(0, $packed);
};
my (%verdicts, %left, %heard);
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
# Who is heard may not have heard us yet.
my $settle = sub {
    my ($index, $verdict) = @_;
    $verdicts{$index} = $verdict;
    delete $left{$index} unless $hears;
};
# What an error says of the way, if anything.
my $fail = sub {
    my ($index, $error, $text) = @_;
    return if $hears || $error == EAGAIN || $error == EWOULDBLOCK;
    $settle->($index, $error == ENOPROTOOPT || $error == EPROTO ? "open" : "closed $text");
};
# The first byte says whether the peer was heard: its packets alone prove no way to it.
my $send = sub {
    my ($index) = @_;
    my $packet = chr($heard{$index} ? 1 : 0) . "\0" x 7;
    defined(send($left{$index}, $packet, 0)) || $fail->($index, $! + 0, "$!");
};
my $receive = sub {
    my ($index) = @_;
    my $packet;
    return $fail->($index, $! + 0, "$!") unless defined(recv($left{$index}, $packet, 2048, 0));
    $packet = substr($packet, (ord($packet) & 15) * 4) if $family == AF_INET;
    $heard{$index} = 1;
    return $settle->($index, "open") if $hears;
    $send->($index);
    $settle->($index, "open") if substr($packet, 0, 1) eq "\1";
};
my ($begun, $sent) = (time, 0);
my $patience = $hears ? 3.5 : 2.2;
while (%left && time - $begun < $patience) {
    if (time - $begun >= $sent * 0.7) {
        $sent++;
        $send->($_) for keys %left;
    }
    my $wanted = "";
    vec($wanted, fileno($_), 1) = 1 for values %left;
    select($wanted, undef, undef, 0.1);
    for my $index (keys %left) {
        $receive->($index) if vec($wanted, fileno($left{$index}), 1);
    }
}
$verdicts{$_} //= "closed no answer" for keys %left;
print "$_ $verdicts{$_}\n" for keys %verdicts;
