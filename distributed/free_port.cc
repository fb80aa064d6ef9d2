#include "distributed/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace pare {

absl::StatusOr<uint16_t> free_port() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return absl::ResourceExhaustedError(absl::StrCat("no socket: ", std::strerror(errno)));
  const absl::Cleanup close_socket = [socket_fd] { close(socket_fd); };
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (bind(socket_fd, any, length) != 0 || getsockname(socket_fd, any, &length) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("no free port: ", std::strerror(errno)));
  }
  return ntohs(address.sin_port);
}

}  // namespace pare
