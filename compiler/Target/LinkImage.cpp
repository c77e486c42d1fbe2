// LLD and the reading of what it made; see the header. Linked as a shared
// object because then the linker refuses or records every address that would
// have to be fixed at load time; a static link would fill them in silently.
#include "compiler/Target/LinkImage.h"

#include "lld/Common/Driver.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

namespace tl {

namespace {
using llvm::object::ELF64LE;
using ElfFile = llvm::object::ELFFile<ELF64LE>;

llvm::Error broken(const llvm::Twine &what) {
  return llvm::createStringError("the code image cannot be used: " + what);
}

llvm::Error checkDynamic(const ElfFile &file) {
  auto entries = file.dynamicEntries();
  if (!entries)
    return entries.takeError();
  for (const ELF64LE::Dyn &entry : *entries)
    switch (entry.getTag()) {
    case llvm::ELF::DT_NEEDED:
      return broken("it needs a library");
    case llvm::ELF::DT_TEXTREL:
    case llvm::ELF::DT_REL:
    case llvm::ELF::DT_RELA:
    case llvm::ELF::DT_RELR:
    case llvm::ELF::DT_JMPREL:
      return broken("it needs relocation when it is loaded");
    default:
      break;
    }
  return llvm::Error::success();
}

llvm::Error checkSections(const ElfFile &file) {
  auto sections = file.sections();
  if (!sections)
    return sections.takeError();
  for (const ELF64LE::Shdr &section : *sections)
    if (section.sh_type == llvm::ELF::SHT_REL ||
        section.sh_type == llvm::ELF::SHT_RELA ||
        section.sh_type == llvm::ELF::SHT_RELR)
      return broken("it has relocations");
    else if ((section.sh_flags & llvm::ELF::SHF_ALLOC) &&
             (section.sh_flags & llvm::ELF::SHF_WRITE) &&
             section.sh_type != llvm::ELF::SHT_DYNAMIC && section.sh_size)
      return broken("it has writable data");
  return llvm::Error::success();
}

llvm::Error readSymbols(const ElfFile &file, LinkedImage &image) {
  auto sections = file.sections();
  if (!sections)
    return sections.takeError();
  for (const ELF64LE::Shdr &section : *sections) {
    if (section.sh_type != llvm::ELF::SHT_SYMTAB &&
        section.sh_type != llvm::ELF::SHT_DYNSYM)
      continue;
    auto symbols = file.symbols(&section);
    auto names = file.getStringTableForSymtab(section);
    if (!symbols || !names)
      return broken("its symbols cannot be read");
    for (const ELF64LE::Sym &symbol : *symbols) {
      auto name = symbol.getName(*names);
      if (!name)
        return name.takeError();
      if (symbol.st_shndx == llvm::ELF::SHN_UNDEF && !name->empty())
        return broken("undefined symbol '" + *name + "'");
      if (symbol.getType() == llvm::ELF::STT_FUNC)
        image.symbols[name->str()] = symbol.st_value;
    }
  }
  return llvm::Error::success();
}

llvm::Error readSegments(const ElfFile &file, LinkedImage &image) {
  auto headers = file.program_headers();
  if (!headers)
    return headers.takeError();
  for (const ELF64LE::Phdr &header : *headers) {
    if (header.p_type != llvm::ELF::PT_LOAD)
      continue;
    if (header.p_flags & llvm::ELF::PF_W)
      return broken("it has a writable segment");
    if (header.p_memsz != header.p_filesz)
      return broken("it has zero-initialised data");
    image.bytes.resize(std::max<uint64_t>(
        image.bytes.size(),
        llvm::alignTo(header.p_vaddr + header.p_memsz, 4096)));
    std::copy_n(file.base() + header.p_offset, header.p_filesz,
                image.bytes.begin() + header.p_vaddr);
  }
  return llvm::Error::success();
}

/// Runs LLD on files. Its messages become the error.
llvm::Error runLinker(llvm::ArrayRef<std::string> inputs,
                      llvm::StringRef output) {
  std::string out = output.str(), messages;
  std::vector<const char *> args = {"ld.lld",
                                    "-shared",
                                    "--no-mmap-output-file",
                                    "--threads=1",
                                    "--hash-style=sysv",
                                    "--build-id=none",
                                    "-z",
                                    "defs",
                                    "-z",
                                    "text",
                                    "-z",
                                    "rodynamic",
                                    "-z",
                                    "norelro",
                                    "-z",
                                    "noexecstack",
                                    "-z",
                                    "max-page-size=4096",
                                    "-o",
                                    out.c_str()};
  for (const std::string &input : inputs)
    args.push_back(input.c_str());
  llvm::raw_string_ostream os(messages);
  static std::mutex oneAtATime;
  std::lock_guard lock(oneAtATime);
  lld::Result result =
      lld::lldMain(args, llvm::nulls(), os, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode || !result.canRunAgain)
    return llvm::createStringError("linking the kernels failed: " + messages);
  return llvm::Error::success();
}
} // namespace

llvm::Expected<LinkedImage> extractImage(llvm::StringRef elf) {
  auto file = ElfFile::create(elf);
  if (!file)
    return file.takeError();
  LinkedImage image;
  if (llvm::Error error = checkDynamic(*file))
    return error;
  if (llvm::Error error = checkSections(*file))
    return error;
  if (llvm::Error error = readSymbols(*file, image))
    return error;
  if (llvm::Error error = readSegments(*file, image))
    return error;
  return image;
}

llvm::Expected<LinkedImage> linkImage(llvm::ArrayRef<ObjectBytes> objects) {
  std::vector<std::string> inputs;
  std::vector<std::unique_ptr<llvm::FileRemover>> removers;
  auto temporary = [&](llvm::StringRef suffix) -> llvm::Expected<std::string> {
    llvm::SmallString<128> path;
    if (auto error = llvm::sys::fs::createTemporaryFile("tlc", suffix, path))
      return llvm::createStringError(error, "no temporary file for linking");
    removers.push_back(std::make_unique<llvm::FileRemover>(path));
    return path.str().str();
  };
  for (const ObjectBytes &object : objects) {
    auto path = temporary("o");
    if (!path)
      return path.takeError();
    std::error_code error;
    llvm::raw_fd_ostream os(*path, error);
    os.write(object.data(), object.size());
    os.close();
    if (error || os.has_error()) {
      os.clear_error();
      return llvm::createStringError("cannot write '" + *path + "'");
    }
    inputs.push_back(*path);
  }
  auto output = temporary("so");
  if (!output)
    return output.takeError();
  if (llvm::Error error = runLinker(inputs, *output))
    return error;
  auto file = llvm::MemoryBuffer::getFile(*output);
  if (!file)
    return llvm::createStringError(file.getError(),
                                   "cannot read back '" + *output + "'");
  return extractImage((*file)->getBuffer());
}

} // namespace tl
