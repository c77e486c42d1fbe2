// The facts of Explain.h as text and as JSON.
#include "compiler/tools/Explain.h"

#include "compiler/tools/Numbers.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <cmath>

namespace tl {

namespace {

/// Sums over an entry's calls; cycles for each target, in order.
struct Totals {
  explicit Totals(const EntryFacts &entry) {
    for (const CallFacts &call : entry.calls) {
      multiplyAdds += call.multiplyAdds;
      traffic.shared += call.traffic.shared;
      traffic.read += call.traffic.read;
      traffic.written += call.traffic.written;
      bytes += call.bytes;
      cycles.resize(call.targets.size());
      for (auto [sum, target] : llvm::zip(cycles, call.targets))
        sum += target.cost.cycles;
    }
  }

  uint64_t multiplyAdds = 0;
  Traffic traffic;
  double bytes = 0;
  std::vector<double> cycles;
};

/// Of the FMA peak, in percent.
double percent(uint64_t multiplyAdds, double cycles, const cpu::Isa &isa) {
  if (!cycles)
    return 0;
  return 100 * double(multiplyAdds) / (cycles * peakMultiplyAdds(isa));
}

std::string text(double number) { return llvm::formatv("{0:f1}", number); }

std::string workText(uint64_t multiplyAdds, const Traffic &traffic,
                     double bytes) {
  return grouped(int64_t(multiplyAdds)) +
         " multiply-adds; bytes: " + grouped(traffic.shared) + " shared, " +
         grouped(traffic.read) + " read, " + grouped(traffic.written) +
         " written; " + text(bytes ? double(multiplyAdds) / bytes : 0) +
         " multiply-adds a byte";
}

std::string tilesText(rt::GridAttr grid) {
  if (!grid.getTiles())
    return grouped(grid.getFixed()) + " tiles a batch";
  if (grid.getPictures() == 1)
    return grouped(grid.getTiles()) + " tiles a picture";
  return grouped(grid.getTiles()) + " tiles for " +
         grouped(grid.getPictures()) + " pictures";
}

std::string blockText(const cpu::Form &form) {
  if (!form.rows)
    return "no block";
  std::string block =
      std::to_string(form.rows) + " x " + std::to_string(form.columns);
  if (form.active != form.columns)
    block += " (" + std::to_string(form.active) + " wanted)";
  return block;
}

void printCall(const CallFacts &call, size_t index, llvm::raw_ostream &os) {
  os << llvm::formatv("{0,4}  ", index);
  if (!call.layer.empty())
    os << call.layer << "  ";
  os << call.operation << "\n      "
     << workText(call.multiplyAdds, call.traffic, call.bytes) << "\n";
  if (call.derivedBytes)
    os << "      derived of its weights: " << grouped(call.derivedBytes)
       << " bytes\n";
  for (const TargetFacts &target : call.targets) {
    os << llvm::formatv("      {0,-9}  ", target.isa->name) << target.form.text
       << ", " << blockText(target.form) << ", " << tilesText(target.grid)
       << ", bound by " << (target.cost.memoryBound ? "memory" : "arithmetic");
    if (call.multiplyAdds)
      os << ", "
         << text(percent(call.multiplyAdds, target.cost.cycles, *target.isa))
         << " % of the peak";
    os << "\n";
  }
}

void printTotals(const EntryFacts &entry, llvm::raw_ostream &os) {
  Totals totals(entry);
  os << "  total "
     << workText(totals.multiplyAdds, totals.traffic, totals.bytes) << "\n";
  if (!entry.calls.empty())
    for (auto [cycles, target] :
         llvm::zip(totals.cycles, entry.calls.front().targets))
      os << llvm::formatv("      {0,-9}  ", target.isa->name)
         << grouped(std::llround(cycles)) << " cycles of one core, "
         << text(percent(totals.multiplyAdds, cycles, *target.isa))
         << " % of the peak\n";
  auto arena = [&](const ArenaSize &size) {
    return grouped(size.at(entry.batch)) + " (" + grouped(size.fixed) + " + " +
           grouped(size.perPicture) + " a picture)";
  };
  os << "  arena " << arena(entry.planned) << " bytes at batch " << entry.batch
     << ", at least " << arena(entry.lowerBound) << "\n";
  if (entry.derivedBytes)
    os << "  derived values " << grouped(entry.derivedBytes)
       << " bytes, made once for all entries\n";
}

void writeWork(llvm::json::OStream &json, uint64_t multiplyAdds,
               const Traffic &traffic) {
  json.attribute("multiply_adds", int64_t(multiplyAdds));
  json.attribute("shared_bytes", traffic.shared);
  json.attribute("read_bytes", traffic.read);
  json.attribute("written_bytes", traffic.written);
}

void writeTarget(llvm::json::OStream &json, const CallFacts &call,
                 const TargetFacts &target) {
  json.attribute("isa", target.isa->name);
  json.attribute("form", target.form.text);
  json.attribute("block_rows", target.form.rows);
  json.attribute("block_columns", target.form.columns);
  json.attribute("block_wanted", target.form.active);
  json.attribute("tiles_fixed", target.grid.getFixed());
  json.attribute("tiles", target.grid.getTiles());
  json.attribute("tiles_pictures", target.grid.getPictures());
  json.attribute("scratch_bytes", target.grid.getScratch());
  json.attribute("bound", target.cost.memoryBound ? "memory" : "arithmetic");
  json.attribute("cycles", target.cost.cycles);
  json.attribute("percent_of_peak",
                 percent(call.multiplyAdds, target.cost.cycles, *target.isa));
}

void writeArena(llvm::json::OStream &json, const ArenaSize &size) {
  json.attribute("fixed", size.fixed);
  json.attribute("per_picture", size.perPicture);
}

void writeEntry(llvm::json::OStream &json, const EntryFacts &entry) {
  Totals totals(entry);
  json.attribute("entry", entry.name);
  json.attribute("batch", entry.batch);
  json.attributeArray("calls", [&] {
    for (const CallFacts &call : entry.calls)
      json.object([&] {
        json.attribute("layer", call.layer);
        json.attribute("operation", call.operation);
        writeWork(json, call.multiplyAdds, call.traffic);
        json.attribute("derived_bytes", call.derivedBytes);
        json.attributeArray("targets", [&] {
          for (const TargetFacts &target : call.targets)
            json.object([&] { writeTarget(json, call, target); });
        });
      });
  });
  json.attributeObject(
      "total", [&] { writeWork(json, totals.multiplyAdds, totals.traffic); });
  json.attribute("derived_bytes", entry.derivedBytes);
  json.attributeObject("arena", [&] { writeArena(json, entry.planned); });
  json.attributeObject("arena_least",
                       [&] { writeArena(json, entry.lowerBound); });
}
} // namespace

void printText(llvm::ArrayRef<EntryFacts> entries, llvm::raw_ostream &os) {
  for (const EntryFacts &entry : entries) {
    os << "entry " << entry.name << "\n";
    for (auto [i, call] : llvm::enumerate(entry.calls))
      printCall(call, i + 1, os);
    printTotals(entry, os);
  }
}

void printJson(llvm::ArrayRef<EntryFacts> entries, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 2);
  json.array([&] {
    for (const EntryFacts &entry : entries)
      json.object([&] { writeEntry(json, entry); });
  });
  os << "\n";
}

} // namespace tl
