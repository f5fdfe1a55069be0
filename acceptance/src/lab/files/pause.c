/* Holds the namespaces of a pod open: sleeps until it is told to end and collects orphans of a shared process
   namespace. kubeadm's upgrade check starts it with -v and wants it to end. */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int number) {
    (void)number;
    _exit(0);
}

static void collect(int number) {
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

int main(int count, char **words) {
    static const char version[] = "pause of the lab\n";
    if (count == 2 && strcmp(words[1], "-v") == 0)
        return write(STDOUT_FILENO, version, sizeof version - 1) < 0;
    signal(SIGTERM, end);
    signal(SIGINT, end);
    signal(SIGCHLD, collect);
    for (;;)
        pause();
}
